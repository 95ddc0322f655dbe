// The worker that runs Python: the module, a file system in memory, and nothing else in reach.
// in:  {module, files: {path: Uint8Array}, begin, port}, then on the port {code}
// out: on the port {output: [[stream, text], ...]}, an empty one as it begins, {status, files: {name: Uint8Array}}, or {ended: message}
import {ConsoleStdout, Directory, File, OpenFile, PreopenDirectory, WASI, WASIProcExit} from "@bjorn3/browser_wasi_shim";

const CAP = 100_000; // characters a cell may print
const EVERY = 50; // milliseconds between two pieces of output
let port, exports, out, waiting = [], printed = 0, sent = 0;

function flush() {
  if (waiting.length) port.postMessage({output: waiting});
  waiting = [];
  sent = performance.now();
}

function stream(number) {
  const decoder = new TextDecoder();
  return new ConsoleStdout((bytes) => {
    let text = decoder.decode(bytes, {stream: true});
    if (printed >= CAP) return;
    printed += text.length;
    if (printed >= CAP) text = text.slice(0, text.length - (printed - CAP)) + `\n[only the first ${CAP.toLocaleString("en")} characters are shown]\n`;
    const last = waiting[waiting.length - 1];
    if (last && last[0] === number) last[1] += text;
    else waiting.push([number, text]);
    if (performance.now() - sent > EVERY) flush();
  });
}

function tree(files) {
  const root = new Map();
  for (const [path, data] of Object.entries(files)) {
    const parts = path.split("/"), name = parts.pop();
    let folder = root;
    for (const part of parts) {
      if (!folder.has(part)) folder.set(part, new Directory(new Map()));
      folder = folder.get(part).contents;
    }
    folder.set(name, new File(data, {readonly: true}));
  }
  return root;
}

// The shim knows two clocks. Processor time goes with the second: nothing else runs in this worker.
function clocks({clock_res_get: resolution, clock_time_get: time}) {
  const known = (clock) => Math.min(clock, 1);
  return {
    clock_res_get: (clock, place) => resolution(known(clock), place),
    clock_time_get: (clock, precision, place) => time(known(clock), precision, place),
  };
}

// The shim reads a sleep's flags at another place than they have in the interface: an absolute time became a span.
// https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#-subscription_clock-record
function sleep(subscriptions, events, count, stored) {
  const view = new DataView(exports.memory.buffer), CLOCK = 0, NOT_SUPPORTED = 58;
  if (count !== 1 || view.getUint8(subscriptions + 8) !== CLOCK) return NOT_SUPPORTED;
  flush();
  const now = () => (view.getUint32(subscriptions + 16, true) === 0 ? Date.now() : performance.now());
  const time = Number(view.getBigUint64(subscriptions + 24, true)) / 1e6, absolute = view.getUint16(subscriptions + 40, true) & 1;
  for (const end = absolute ? time : now() + time; now() < end; );
  view.setBigUint64(events, view.getBigUint64(subscriptions, true), true);
  view.setUint16(events + 8, 0, true);
  view.setUint8(events + 10, CLOCK);
  view.setUint32(stored, 1, true);
  return 0;
}

function turn(code) {
  const data = new TextEncoder().encode(code), place = exports.host_alloc(data.length) >>> 0;
  new Uint8Array(exports.memory.buffer).set(data, place);
  return exports.turn(place, data.length);
}

function run(code) {
  printed = 0;
  port.postMessage({output: []});
  try {
    const status = turn(code), files = {};
    for (const [name, file] of out.contents) files[name] = file.data;
    out.contents.clear();
    flush();
    port.postMessage({status, files});
  } catch (error) {
    flush();
    const why = error instanceof WASIProcExit ? `it left Python with exit code ${error.code}` : `it broke down: ${error.message || error}`;
    port.postMessage({ended: why});
  }
}

onmessage = async ({data}) => {
  port = data.port;
  port.onmessage = ({data: {code}}) => run(code);
  out = new Directory(new Map());
  const root = tree(data.files).set("out", out).set("tmp", new Directory(new Map()));
  const wasi = new WASI(["python"], ["HOME=/tmp", "TMPDIR=/tmp", "PYTHONDONTWRITEBYTECODE=1"],
    [new OpenFile(new File([])), stream(1), stream(2), new PreopenDirectory("/", root)], {debug: false});
  try {
    const imports = {wasi_snapshot_preview1: {...wasi.wasiImport, ...clocks(wasi.wasiImport), poll_oneoff: sleep}, host: {call: () => -1}};
    const instance = await WebAssembly.instantiate(data.module, imports);
    exports = instance.exports;
    wasi.initialize(instance);
  } catch (error) {
    port.postMessage({ended: `it does not start: ${error.message || error}`});
    return;
  }
  run(data.begin);
};
