// Runs before a tenant's script, in the same world, and returns what the host calls afterwards.
// Everything used later is captured here, because the script may poison any global.
(function (nowMs) {
  'use strict';
  const { apply, construct, getPrototypeOf, getOwnPropertyDescriptor } = Reflect;
  const { keys, defineProperty } = Object;
  const isArray = Array.isArray;
  const isFinite = Number.isFinite;
  const isView = ArrayBuffer.isView;
  const stringify = JSON.stringify;
  const parse = JSON.parse;
  const sliceText = String.prototype.slice;
  const NativeDate = Date;
  const toISOString = NativeDate.prototype.toISOString;
  const getTime = NativeDate.prototype.getTime;
  const EngineError = InternalError;
  const EngineRangeError = RangeError;
  const EngineSyntaxError = SyntaxError;
  const world = globalThis;

  // --- what must not be there
  const refuse = function Function() { throw new TypeError('code from text is not available'); };
  const FunctionPrototype = getPrototypeOf(refuse);
  for (const f of [function () {}, function* () {}, async function () {}, async function* () {}]) {
    defineProperty(getPrototypeOf(f), 'constructor', { value: refuse, writable: false, configurable: false });
  }
  defineProperty(refuse, 'prototype', { value: FunctionPrototype, writable: false });
  world.Function = refuse;
  for (const name of ['eval', 'InternalError', 'SharedArrayBuffer', 'Atomics', 'WebAssembly', 'performance',
    'queueMicrotask', 'gc', 'BigInt', 'BigInt64Array', 'BigUint64Array', 'navigator', 'WeakRef', 'FinalizationRegistry']) delete world[name];
  delete EngineError.prototype.constructor;
  for (const name of ['getBigInt64', 'getBigUint64', 'setBigInt64', 'setBigUint64']) delete DataView.prototype[name];

  // --- what must be the same in every run
  const fixed = function Date(...parts) {
    if (!new.target) return apply(NativeDate.prototype.toUTCString, construct(NativeDate, [nowMs]), []);
    const given = parts.length === 0 ? [nowMs] : parts.length === 1 ? parts : [NativeDate.UTC(...parts)];
    return construct(NativeDate, given, new.target);
  };
  fixed.prototype = NativeDate.prototype;
  fixed.now = () => nowMs;
  fixed.parse = NativeDate.parse;
  fixed.UTC = NativeDate.UTC;
  NativeDate.prototype.constructor = fixed;
  for (const part of ['FullYear', 'Month', 'Date', 'Hours', 'Minutes', 'Seconds', 'Milliseconds', 'Day']) {
    NativeDate.prototype['get' + part] = NativeDate.prototype['getUTC' + part];
    if (part !== 'Day') NativeDate.prototype['set' + part] = NativeDate.prototype['setUTC' + part];
  }
  NativeDate.prototype.getTimezoneOffset = () => 0;
  world.Date = fixed;
  let seed = 0x2545f491;
  Math.random = () => {
    seed ^= seed << 13; seed ^= seed >>> 17; seed ^= seed << 5;
    return (seed >>> 0) / 4294967296;
  };
  const silent = () => {};
  world.console = { log: silent, info: silent, warn: silent, error: silent, debug: silent, trace: silent };

  // --- built-in loops do not ask whether they should stop: together they may take so many steps
  let steps = 2e7;
  const charge = (cost) => {
    steps -= cost > 0 ? cost : 0;
    if (steps < 0) throw new EngineRangeError('too long');
  };
  const guard = (owner, names, costOf) => {
    for (const name of names) {
      const native = owner[name];
      if (typeof native !== 'function') continue;
      const guarded = function (...args) {
        if (this !== null && this !== undefined) charge(costOf(this, args));
        return apply(native, this, args);
      };
      defineProperty(owner, name, { value: guarded, writable: true, configurable: true, enumerable: false });
    }
  };
  const own = Object.getOwnPropertyNames;
  const loops = (owner) => own(owner).filter((n) => n !== 'constructor' && n !== 'push' && n !== 'pop' && n !== 'at'
    && n !== 'length' && n !== 'buffer' && n !== 'byteLength' && n !== 'byteOffset');
  guard(Array.prototype, loops(Array.prototype), (self) => self.length);
  const typed = getPrototypeOf(Int8Array.prototype);
  guard(typed, ['fill', 'set', 'sort', 'slice', 'reverse', 'copyWithin', 'indexOf', 'lastIndexOf', 'includes', 'join',
    'toSorted', 'toReversed', 'with'], (self) => self.length);
  guard(String.prototype, ['indexOf', 'lastIndexOf', 'includes', 'split', 'replace', 'replaceAll'],
    (self, args) => (typeof args[0] === 'string' ? self.length * (args[0].length + 1) : self.length));
  guard(String.prototype, ['repeat', 'padStart', 'padEnd'], (self, args) => (self.length + 1) * args[0] * 2);
  const nativeFrom = Array.from;
  Array.from = function from(source, ...rest) {
    if (source !== null && typeof source === 'object') charge(source.length);
    return apply(nativeFrom, this, [source, ...rest]);
  };

  // --- output, serialised by hand: nothing a script defined is called but its getters
  const BAD = {};
  const LARGE = {};
  const TEXT_MAX = 65536;
  const DEPTH_MAX = 32;
  let budget = TEXT_MAX;
  const spend = (text) => {
    budget -= text.length;
    if (budget < 0) throw LARGE;
    return text;
  };
  const write = (value, depth) => {
    if (depth > DEPTH_MAX) throw LARGE;
    if (value === null || value === undefined) return spend('null');
    const type = typeof value;
    if (type === 'string') {
      if (value.length > budget) throw LARGE;
      return spend(stringify(value));
    }
    if (type === 'number') {
      if (!isFinite(value)) throw BAD;
      return spend(value === 0 ? '0' : '' + value);
    }
    if (type === 'boolean') return spend(value ? 'true' : 'false');
    if (type !== 'object') throw BAD;
    if (isArray(value) || isView(value)) {
      const length = value.length;
      if (length > TEXT_MAX) throw LARGE;
      let text = spend('[');
      for (let i = 0; i < length; i += 1) text += (i ? spend(',') : '') + write(value[i], depth + 1);
      return text + spend(']');
    }
    if (getPrototypeOf(value) === NativeDate.prototype) {
      if (!isFinite(apply(getTime, value, []))) throw BAD;
      return spend('"' + apply(toISOString, value, []) + '"');
    }
    const names = keys(value);
    let text = spend('{');
    let first = true;
    for (let i = 0; i < names.length; i += 1) {
      const member = value[names[i]];
      if (typeof member === 'function') continue;
      text += (first ? '' : spend(',')) + write(names[i], depth) + spend(':') + write(member, depth + 1);
      first = false;
    }
    return text + spend('}');
  };
  const object = (value) => {
    if (value === null || value === undefined) return spend('null');
    if (typeof value !== 'object' || isArray(value) || isView(value)) throw BAD;
    return write(value, 1);
  };
  const texts = (list) => {
    if (list === null || list === undefined) return [];
    if (!isArray(list)) throw BAD;
    if (list.length > 1000) throw LARGE;
    const out = [];
    for (let i = 0; i < list.length; i += 1) {
      const item = list[i];
      const type = typeof item;
      if (type !== 'string' && type !== 'number' && type !== 'boolean') throw BAD;
      defineProperty(out, i, { value: apply(sliceText, '' + item, [0, 1000]), enumerable: true });
    }
    return out;
  };
  const answer = (parts) => {
    let text = '{';
    for (let i = 0; i < parts.length; i += 2) {
      text += (i ? ',' : '') + '"' + parts[i] + '":' + parts[i + 1];
    }
    return text + '}';
  };
  const failed = (errors) => answer(['errors', write(errors, 1)]);

  const uplink = (input, entry) => {
    const bytes = input.bytes;
    let result;
    if (entry.decodeUplink) {
      const given = { bytes, fPort: input.fPort, recvTime: new fixed(nowMs) };
      if (input.variables !== undefined) given.variables = input.variables;
      result = (0, entry.decodeUplink)(given);
    } else if (entry.Decoder) {
      result = { data: (0, entry.Decoder)(bytes, input.fPort) };
      if (result.data === null || result.data === undefined) return '!none';
    } else {
      return '!entry';
    }
    if (result === null || result === undefined) return '!none';
    if (typeof result !== 'object') throw BAD;
    const errors = texts(result.errors);
    if (errors.length) return failed(errors);
    const data = result.data;
    const warnings = texts(result.warnings);
    const text = object(data);
    let normalized = '[]';
    let more = [];
    if (data && entry.normalizeUplink) {
      const second = (0, entry.normalizeUplink)({ data });
      if (second !== null && second !== undefined) {
        const problems = texts(second.errors);
        if (problems.length) return failed(problems);
        more = texts(second.warnings);
        const found = second.data;
        if (isArray(found)) normalized = write(found, 1);
        else if (found !== null && found !== undefined) normalized = '[' + object(found) + ']';
      }
    }
    return answer(['data', text, 'warnings', write(warnings, 1), 'more', write(more, 1), 'normalized', normalized,
      'normalizer', entry.normalizeUplink ? 'true' : 'false']);
  };
  const decodeDownlink = (input, entry) => {
    if (!entry.decodeDownlink) return '!entry';
    const result = (0, entry.decodeDownlink)({ bytes: input.bytes, fPort: input.fPort });
    if (result === null || result === undefined) return '!none';
    const errors = texts(result.errors);
    if (errors.length) return failed(errors);
    return answer(['data', object(result.data), 'warnings', write(texts(result.warnings), 1)]);
  };
  const encodeDownlink = (input, entry) => {
    if (!entry.encodeDownlink) return '!entry';
    const result = (0, entry.encodeDownlink)({ data: input.data, fPort: input.fPort });
    if (result === null || result === undefined) return '!none';
    const errors = texts(result.errors);
    if (errors.length) return failed(errors);
    return answer(['bytes', write(result.bytes, 1), 'fPort', write(result.fPort, 1),
      'warnings', write(texts(result.warnings), 1)]);
  };

  const run = (task, inputText, decodeUplinkOf, normalizeUplinkOf, decoderOf, encoderOf, downlinkOf) => {
    const entry = {
      __proto__: null, decodeUplink: decodeUplinkOf, normalizeUplink: normalizeUplinkOf, Decoder: decoderOf,
      encodeDownlink: encoderOf, decodeDownlink: downlinkOf,
    };
    budget = TEXT_MAX;
    const input = parse(inputText);
    try {
      if (task === 'uplink') return uplink(input, entry);
      return task === 'encode' ? encodeDownlink(input, entry) : decodeDownlink(input, entry);
    } catch (error) {
      if (error === BAD) return '!bad';
      if (error === LARGE) return '!large';
      throw error;
    }
  };

  // --- what a thrown value is, without calling anything of it
  const isA = (error, kind) => {
    for (let at = getPrototypeOf(error), steps = 0; at !== null && steps < 8; at = getPrototypeOf(at), steps += 1) {
      if (at === kind.prototype) return true;
    }
    return false;
  };
  const explain = (error) => {
    if (error === null) return 'memory';
    if (typeof error === 'string') return 'threw:' + apply(sliceText, error, [0, 200]);
    if (typeof error !== 'object') return 'threw:';
    const own = getOwnPropertyDescriptor(error, 'message');
    const message = own && typeof own.value === 'string' ? apply(sliceText, own.value, [0, 200]) : '';
    // no script can make an InternalError: its constructor is gone
    if (isA(error, EngineError)) return 'memory';
    if (isA(error, EngineRangeError) && message === 'Maximum call stack size exceeded') return 'stack';
    return (isA(error, EngineSyntaxError) ? 'syntax:' : 'threw:') + message;
  };
  return { run, explain };
})
