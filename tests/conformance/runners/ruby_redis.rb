# Runs the conformance vectors with Ruby and redis-rb (4.8 or later).
#
#   ruby ruby_redis.rb VECTORS ADDRESS --flushall
#
# VECTORS is a folder or a file, ADDRESS the path of a unix socket or host:port.
#
# THE SERVER IS EMPTIED (FLUSHALL) BEFORE EACH CASE. Without --flushall this refuses to run;
# with --keep in its place it runs on what is there.

require 'json'
require 'redis'

Encoding.default_external = Encoding::UTF_8
LUA = File.expand_path('../../../lua', __dir__)
SCRIPTS = JSON.parse(File.read("#{LUA}/manifest.json"))['scripts'].to_h do |entry|
  [entry['name'], [entry['sha1'], File.read("#{LUA}/#{entry['version']}/#{entry['name']}.lua")]]
end

# Call a script by its SHA-1; where the server does not have it, by its text, once.
def run_script(client, name, keys, arguments)
  sha1, text = SCRIPTS.fetch(name)
  begin
    client.evalsha(sha1, keys, arguments)
  rescue Redis::CommandError => e
    raise unless e.message.start_with?('NOSCRIPT')

    client.eval(text, keys, arguments)
  end
end

def connect(address, **user)
  host, port = address.split(':')
  place = address.start_with?('/') ? { path: address } : { host: host, port: port.to_i }
  Redis.new(**place, **user)
end

# Whether a reply is the expected one; a text such as $cursor stands for any, and is bound to it.
def same?(wanted, got, bound)
  case wanted
  when Array
    got.is_a?(Array) && got.size == wanted.size && wanted.zip(got).all? { |one, other| same?(one, other, bound) }
  when /\A\$/
    bound[wanted] = got
    got.is_a?(String) && !got.empty?
  else
    got == wanted
  end
end

class Runner
  attr_reader :client

  def initialize(address)
    @address = address
    @client = connect(address)
  end

  def reply(step, bound)
    fill = ->(words) { words.map { |word| bound.fetch(word, word) } }
    return @client.call(*fill[step['command']]) if step['command']

    arguments = fill[step['arguments']]
    return run_script(@client, step['call'], step['keys'], arguments) unless step['as']

    other = connect(@address, username: step['as'], password: step['as'])
    begin
      run_script(other, step['call'], step['keys'], arguments)
    ensure
      other.close
    end
  end

  # Nil, or what went wrong.
  def step(step, bound)
    got = reply(step, bound)
    wrong = step['error'] || (step.key?('reply') && !same?(step['reply'], got, bound))
    wrong ? "got #{got.inspect}" : nil
  rescue Redis::BaseError => e
    e.message.split.first == step['error'] ? nil : "got the error #{e.message}"
  end

  # Whether all steps of a case went as they should; the first that did not ends it.
  def case?(one)
    bound = {}
    one['steps'].each do |step|
      wrong = step(step, bound)
      next unless wrong

      puts "#{one['name']}: #{wrong} for #{JSON.generate(step)}"
      return false
    end
    true
  end
end

vectors, address, *options = ARGV
unless address && [['--flushall'], ['--keep']].include?(options)
  abort "This would empty the server at #{address}. If you mean that: --flushall"
end
runner = Runner.new(address)
passed = failed = 0
(File.directory?(vectors) ? Dir["#{vectors}/*.json"].sort : [vectors]).each do |file|
  JSON.parse(File.read(file)).each do |one|
    runner.client.flushall if options == ['--flushall']
    runner.case?(one) ? passed += 1 : failed += 1
  end
end
puts "#{passed} passed, #{failed} failed"
exit(failed.zero? && passed.positive?)
