// Runs the conformance vectors with Node and redis (node-redis).
//
//   node node_redis.js VECTORS ADDRESS --flushall [--cluster]
//
// VECTORS is a folder or a file, ADDRESS the path of a unix socket or host:port; with --cluster, of a node of a
// cluster.
//
// THE SERVER IS EMPTIED (FLUSHALL) BEFORE EACH CASE. Without --flushall this refuses to run;
// with --keep in its place it runs on what is there.

import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createClient, createCluster } from 'redis';

const LUA = join(import.meta.dirname, '../../../lua');
const SCRIPTS = new Map();
for (const { name, version, sha1 } of JSON.parse(readFileSync(join(LUA, 'manifest.json'), 'utf8')).scripts) {
  SCRIPTS.set(name, { sha1, text: readFileSync(join(LUA, version, `${name}.lua`), 'utf8') });
}

/** Call a script by its SHA-1; where the server does not have it, by its text, once. */
async function runScript(client, name, keys, args) {
  const { sha1, text } = SCRIPTS.get(name);
  try {
    return await client.evalSha(sha1, { keys, arguments: args });
  } catch (error) {
    if (!error.message.startsWith('NOSCRIPT')) throw error;
    return client.eval(text, { keys, arguments: args });
  }
}

function connect(address, user) {
  const [host, port] = address.split(':');
  const socket = address.startsWith('/') ? { path: address } : { host, port: Number(port) };
  return createClient({ socket, RESP: 2, ...user }).connect();
}

/** Whether a reply is the expected one; a text such as $cursor stands for any, and is bound to it. */
function same(wanted, got, bound) {
  if (Array.isArray(wanted)) {
    return Array.isArray(got) && got.length === wanted.length && wanted.every((item, i) => same(item, got[i], bound));
  }
  if (typeof wanted === 'string' && wanted.startsWith('$')) {
    bound.set(wanted, got);
    return typeof got === 'string' && got !== '';
  }
  return got === wanted;
}

async function replyTo(client, address, step, bound) {
  const fill = (words) => words.map((word) => bound.get(word) ?? word);
  if (step.command) {
    const words = fill(step.command);
    return client.masters ? client.sendCommand(words[1], false, words) : client.sendCommand(words);
  }
  if (!step.as) return runScript(client, step.call, step.keys, fill(step.arguments));
  const other = await connect(address, { username: step.as, password: step.as });
  try {
    return await runScript(other, step.call, step.keys, fill(step.arguments));
  } finally {
    other.destroy();
  }
}

/** Nothing, or what went wrong. */
async function runStep(client, address, step, bound) {
  let got;
  try {
    got = await replyTo(client, address, step, bound);
  } catch (error) {
    return error.message.split(' ')[0] === step.error ? null : `got the error ${error.message}`;
  }
  if ('error' in step || ('reply' in step && !same(step.reply, got, bound))) return `got ${JSON.stringify(got)}`;
  return null;
}

/** Whether all steps of a case went as they should; the first that did not ends it. */
async function runCase(client, address, { name, steps }) {
  const bound = new Map();
  for (const step of steps) {
    const wrong = await runStep(client, address, step, bound);
    if (wrong) {
      console.log(`${name}: ${wrong} for ${JSON.stringify(step)}`);
      return false;
    }
  }
  return true;
}

const [vectors, address, mode, ...options] = process.argv.slice(2);
if (!['--flushall', '--keep'].includes(mode) || !options.every((option) => option === '--cluster')) {
  console.error(`This would empty the server at ${address}. If you mean that: --flushall`);
  process.exit(1);
}
const cluster = options.length > 0;
const client = cluster
  ? await createCluster({ rootNodes: [{ url: `redis://${address}` }], RESP: 2 }).connect()
  : await connect(address);

async function flushAll() {
  const nodes = cluster ? await Promise.all(client.masters.map((node) => client.nodeClient(node))) : [client];
  for (const node of nodes) await node.flushAll();
}

const files = statSync(vectors).isDirectory()
  ? readdirSync(vectors).filter((name) => name.endsWith('.json')).sort().map((name) => join(vectors, name))
  : [vectors];
let passed = 0;
let failed = 0;
for (const file of files) {
  for (const one of JSON.parse(readFileSync(file, 'utf8'))) {
    if (mode === '--flushall') await flushAll();
    if (await runCase(client, address, one)) passed += 1;
    else failed += 1;
  }
}
client.destroy();
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed || !passed ? 1 : 0;
