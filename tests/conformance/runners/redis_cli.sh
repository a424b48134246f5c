#!/usr/bin/env bash
# Runs the conformance vectors with redis-cli; needs bash and jq besides.
#
#   bash redis_cli.sh VECTORS ADDRESS --flushall [--functions] [--cluster]
#
# VECTORS is a folder or a file, ADDRESS the path of a unix socket or host:port; with --cluster, of a node of a
# cluster. With --functions the scripts are called as functions.
#
# THE SERVER IS EMPTIED (FLUSHALL) BEFORE EACH CASE. Without --flushall this refuses to run;
# with --keep in its place it runs on what is there.
set -euo pipefail

lua=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../../lua" && pwd)
vectors=${1:-} address=${2:-} mode=${3:-} functions='' cluster=''
for option in "${@:4}"; do
    case $option in
    --functions) functions=1 ;;
    --cluster) cluster=1 ;;
    *) mode='' ;;
    esac
done
if [ "$mode" != --flushall ] && [ "$mode" != --keep ]; then
    echo "This would empty the server at $address. If you mean that: --flushall" >&2
    exit 1
fi
case $address in
/*) cli=(redis-cli --no-raw -s "$address") ;;
*) cli=(redis-cli --no-raw ${cluster:+-c} -h "${address%:*}" -p "${address##*:}") ;;
esac
empty=("${cli[@]}" FLUSHALL)
if [ -n "$cluster" ]; then empty=(redis-cli --cluster call "$address" FLUSHALL --cluster-only-masters); fi

declare -A sha1 text bound
while read -r name version sum; do
    sha1[$name]=$sum
    text[$name]=$(cat "$lua/$version/$name.lua" && echo .) # the dot keeps the last line end
    text[$name]=${text[$name]%.}
done < <(jq -r '.scripts[] | "\(.name) \(.version) \(.sha1)"' "$lua/manifest.json")

# What redis-cli prints, but for the line that says where a cluster sent it.
ask() { "${cli[@]}" "$@" | sed '/^-> Redirected to slot /d' || true; }

if [ -n "$functions" ]; then
    "${cli[@]}" -x FUNCTION LOAD REPLACE <"$lua/$(jq -r .functions "$lua/manifest.json")" >/dev/null
fi

# Call a script by its SHA-1; where the server does not have it, by its text, once.
# run_script USER NAME NUMBER-OF-KEYS KEYS... ARGUMENTS...
run_script() {
    local as=() name=$2 answer
    if [ -n "$1" ]; then as=(--no-auth-warning --user "$1" --pass "$1"); fi
    shift 2
    if [ -z "${sha1[$name]:-}" ]; then
        echo "(error) there is no script $name"
        return
    fi
    if [ -n "$functions" ]; then
        ask "${as[@]}" FCALL "sequere_$name" "$@"
        return
    fi
    answer=$(ask "${as[@]}" EVALSHA "${sha1[$name]}" "$@")
    case $answer in
    '(error) NOSCRIPT'*) answer=$(ask "${as[@]}" EVAL "${text[$name]}" "$@") ;;
    esac
    printf '%s\n' "$answer"
}

# What redis-cli prints for a person, such as ' 1) (integer) 5' or '"a\xc3\xa9"', is exact. jq turns a
# case into calls of these functions, with the expected reply in the same form, one element a line.
in_shell='
def shown: if type == "number" then "(integer) \(.)" elif . == null then "(nil)"
    else "\"" + ([explode[] | [.] | implode
        | if . == "\"" or . == "\\" then "\\" + . elif . == "\n" then "\\n" elif . == "\r" then "\\r"
          elif . == "\t" then "\\t" elif . > "~" then (@uri | ascii_downcase | gsub("%"; "\\x")) else . end] | add // "") + "\"" end;
def reply: if has("error") then "(error) " + .error
    elif has("reply") | not then "anything"
    elif .reply == [] then "(empty array)"
    elif .reply | type == "array" then [.reply | to_entries[] | "\(.key + 1)) \(.value | shown)"] | join("\n")
    else .reply | shown end;
.[] | ([.name] | "begin_case " + @sh),
    (.steps[] | (tojson | "step=" + @sh), (["want", reply] | @sh),
        if .command then ["command_is"] + .command | @sh
        else ["script_is", .as // "", .call, (.keys | length | tostring)] + .keys + .arguments | @sh end),
    "end_case"'

begin_case() {
    case=$1 wrong='' bound=()
    if [ "$mode" = --flushall ]; then "${empty[@]}" >/dev/null; fi
}
want() { wanted=$1; }
fill() {
    filled=()
    local word
    for word; do
        if [[ $word == '$'* ]]; then word=${bound[$word]:-$word}; fi
        filled+=("$word")
    done
}
command_is() {
    if [ -n "$wrong" ]; then return; fi
    fill "$@"
    compare "$(ask "${filled[@]}")"
}
script_is() {
    if [ -n "$wrong" ]; then return; fi
    fill "$@"
    compare "$(run_script "${filled[@]}")"
}

# Line by line; a text such as $cursor stands for any, and is bound to it.
compare() {
    local got=() expected=() i name value
    readarray -t got < <(sed -E 's/^ +//' <<<"$1")
    readarray -t expected <<<"$wanted"
    if [ "$wanted" = anything ] && [[ $1 != '(error)'* ]]; then return; fi
    if [[ $wanted == '(error)'* ]]; then got=("${1%% *} $(cut -d ' ' -f 2 <<<"$1")"); fi
    if [ ${#got[@]} -ne ${#expected[@]} ]; then wrong=1; fi
    for i in "${!expected[@]}"; do
        value=${got[$i]:-}
        if [[ ${expected[$i]} =~ ^([0-9]+\) )?\"(\$.*)\"$ ]]; then
            name=${BASH_REMATCH[2]}
            if [[ $value =~ ^([0-9]+\) )?\"(.+)\"$ ]]; then bound[$name]=${BASH_REMATCH[2]}; else wrong=1; fi
        elif [ "$value" != "${expected[$i]}" ] && [ "\"$value\"" != "${expected[$i]}" ]; then # a status has no quotes
            wrong=1
        fi
    done
    if [ -n "$wrong" ]; then printf '%s: got %s for %s\n' "$case" "$1" "$step"; fi
}
passed=0 failed=0
end_case() { if [ -n "$wrong" ]; then failed=$((failed + 1)); else passed=$((passed + 1)); fi; }

if [ -d "$vectors" ]; then files=("$vectors"/*.json); else files=("$vectors"); fi
for file in "${files[@]}"; do
    calls=$(jq -r "$in_shell" "$file") # first all of it: a file that jq refuses ends the run
    eval "$calls"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
