// Turns unit-test code into ordinary code, so that it compiles as ordinary bytecode: the test attributes go, and what
// they said is written down. Lines keep their numbers.

/** What an attribute can say that only a test build understands. */
const TEST_ATTRIBUTES = new Set(['test_only', 'test', 'random_test', 'expected_failure', 'mode']);
const TESTS = new Set(['test', 'random_test']);
/** Starts of items that an attribute can stand before, other than functions. */
const OTHER_ITEMS = new Set(['use', 'const', 'struct', 'enum', 'friend']);
/** `init` may not be called by name outside test builds: it gets this one. */
export const RENAMED_INIT = 'init_in_unit_test';

const PATTERN = new RegExp(
  [
    String.raw`(?<skip>\s+|\/\/[^\n]*|\/\*)`,
    String.raw`(?<string>[bx]?"(?:[^"\\]|\\[\s\S])*")`,
    String.raw`(?<word>[A-Za-z_][A-Za-z0-9_]*)`,
    String.raw`(?<number>0x[0-9a-fA-F_]+|[0-9][0-9_]*)`,
    String.raw`(?<sign>::|[\s\S])`,
  ].join('|'),
  'y',
);

/** The end of the block comment that starts at `at`; they nest. */
function commentEnd(text, at) {
  let depth = 0;
  for (let here = at; here < text.length; here += 1) {
    const pair = text.slice(here, here + 2);
    if (pair === '/*') depth += 1;
    if (pair === '*/') depth -= 1;
    if (pair === '/*' || pair === '*/') here += 1;
    if (depth === 0) return here + 1;
  }
  return text.length;
}

/** Words, numbers, strings and signs as `{ kind, text, start, end }`; neither white space nor comments. */
export function tokens(text) {
  const found = [];
  let at = 0;
  while (at < text.length) {
    PATTERN.lastIndex = at;
    const match = PATTERN.exec(text);
    const [kind] = Object.entries(match.groups).find(([, part]) => part !== undefined);
    const end = match[0] === '/*' ? commentEnd(text, at) : at + match[0].length;
    if (kind !== 'skip') found.push({ kind, text: match[0], start: at, end });
    at = end;
  }
  return found;
}

const CLOSING = { '(': ')', '[': ']', '{': '}' };

/** The index of the sign that closes what opens at `open`. */
function closing(list, open) {
  const wanted = [];
  for (let at = open; at < list.length; at += 1) {
    const { text, kind } = list[at];
    if (kind !== 'sign') continue;
    if (CLOSING[text]) wanted.push(CLOSING[text]);
    else if (text === wanted.at(-1)) wanted.pop();
    if (wanted.length === 0) return at;
  }
  throw new Error(`'${list[open].text}' is not closed`);
}

/** The parts of `list` between commas that are in no brackets. */
function split(list) {
  const parts = [[]];
  for (let at = 0; at < list.length; at += 1) {
    if (list[at].text === ',') {
      parts.push([]);
      continue;
    }
    const end = list[at].kind === 'sign' && CLOSING[list[at].text] ? closing(list, at) : at;
    parts.at(-1).push(...list.slice(at, end + 1));
    at = end;
  }
  return parts.filter((part) => part.length > 0);
}

const joined = (list) => list.map(({ text }) => text).join('');

/** `key = value` parts of `expected_failure(…)`: `{ key: value }`, true where there is no value. */
function settings(part) {
  const inner = part[1]?.text === '(' ? part.slice(2, -1) : [];
  return Object.fromEntries(
    split(inner).map((one) => [one[0].text, one[1]?.text === '=' ? joined(one.slice(2)) : true]),
  );
}

/** Reads a `use` declaration's tokens (without `use` and `;`) into `names`: local name → full path. */
function readUse(list, prefix, names) {
  const open = list.findIndex(({ text }) => text === '{');
  if (open >= 0) {
    const path = joined(list.slice(0, open)).replace(/::$/, '');
    for (const part of split(list.slice(open + 1, closing(list, open)))) {
      readUse(part, [...prefix, ...path.split('::')], names);
    }
    return;
  }
  const as = list.findIndex(({ text }) => text === 'as');
  const path = [...prefix, ...joined(as < 0 ? list : list.slice(0, as)).split('::')].filter((one) => one !== 'Self');
  names[as < 0 ? path.at(-1) : list[as + 1].text] = path.join('::');
}

/** A constant's value if it is one number; `error` when it is a clever error. */
function constant(list, at, attributes) {
  const end = list.findIndex((token, index) => index > at && token.text === ';');
  const equals = list.findIndex((token, index) => index > at && token.text === '=');
  const value = list.slice(equals + 1, end);
  return {
    value: value.length === 1 && value[0].kind === 'number' ? BigInt(value[0].text.replaceAll('_', '')) : undefined,
    error: attributes.some((part) => part[0].text === 'error'),
  };
}

class Transformation {
  constructor(text, { witnesses }) {
    this.text = text;
    this.list = tokens(text);
    this.witnesses = witnesses;
    this.edits = [];
    this.pending = [];
    this.modules = [];
  }

  get module() {
    return this.modules.at(-1);
  }

  /** An attribute list at `at` (`#`); gives the index of its end. */
  attributes(at) {
    const end = closing(this.list, at + 1);
    const parts = split(this.list.slice(at + 2, end));
    this.pending.push(...parts);
    const kept = parts.filter((part) => !TEST_ATTRIBUTES.has(part[0].text));
    if (kept.length < parts.length) {
      const [from, to] = [this.list[at].start, this.list[end].end];
      const lines = this.text.slice(from, to).split('\n').length - 1;
      const source = kept.map((part) => this.text.slice(part[0].start, part.at(-1).end).replaceAll('\n', ' '));
      this.edits.push({ from, to, text: (source.length > 0 ? `#[${source.join(', ')}]` : '') + '\n'.repeat(lines) });
    }
    return end;
  }

  has(name) {
    return this.pending.some((part) => part[0].text === name);
  }

  startModule(at) {
    const [address, , name] = this.list.slice(at + 1, at + 4);
    this.modules.push({
      address: address.text,
      name: name.text,
      testOnly: this.has('test_only') || this.has('mode'),
      uses: {},
      constants: new Map(),
      tests: [],
      testFunctions: [],
      functions: {},
    });
    this.pending = [];
  }

  startFunction(at) {
    const name = this.list[at + 1].text;
    const kind = [...TESTS].find((one) => this.has(one));
    if (kind) {
      const failure = this.pending.find((part) => part[0].text === 'expected_failure');
      const parameters = split(this.list.slice(at + 3, closing(this.list, at + 2)));
      this.module.tests.push({
        function: name,
        random: kind === 'random_test',
        parameters: parameters.map((part) => joined(part.slice(part.findIndex(({ text }) => text === ':') + 1))),
        failure: failure && settings(failure),
      });
    }
    this.module.functions[name] = this.text.slice(0, this.list[at].start).split('\n').length;
    if (kind || this.has('test_only') || this.has('mode')) this.module.testFunctions.push(name);
    this.pending = [];
  }

  otherItem(at) {
    const { text } = this.list[at];
    if (text === 'const') this.module?.constants.set(this.list[at + 1].text, constant(this.list, at, this.pending));
    if (text === 'use' && this.module && this.list[at + 1].text !== 'fun') {
      const end = this.list.findIndex((token, index) => index > at && token.text === ';');
      readUse(this.list.slice(at + 1, end), [], this.module.uses);
    }
    this.pending = [];
  }

  /** Calls and declarations of `init`, and one-time witnesses made by hand. */
  rewriteUse(at) {
    const { text, start, end } = this.list[at];
    const [before, next, afterNext] = [this.list[at - 1]?.text, this.list[at + 1]?.text, this.list[at + 2]?.text];
    if (text === 'init' && next === '(') this.edits.push({ from: start, to: end, text: RENAMED_INIT });
    const isWitness = this.witnesses && this.module && text === this.module.name.toUpperCase();
    if (isWitness && next === '{' && afterNext === '}' && before !== 'let') {
      const call = `sui::test_utils::create_one_time_witness<${text}>()`;
      this.edits.push({ from: start, to: this.list[at + 2].end, text: call });
    }
  }

  run() {
    for (let at = 0; at < this.list.length; at += 1) {
      const { text, kind } = this.list[at];
      const next = this.list[at + 1];
      if (text === '#' && next?.text === '[') at = this.attributes(at);
      else if (kind !== 'word') continue;
      else if (text === 'module' && this.list[at + 2]?.text === '::') this.startModule(at);
      else if (text === 'fun' && this.list[at - 1]?.text !== 'use') this.startFunction(at);
      else if (OTHER_ITEMS.has(text)) this.otherItem(at);
      else this.rewriteUse(at);
    }
    let result = '';
    let done = 0;
    for (const { from, to, text } of this.edits.sort((a, b) => a.from - b.from)) {
      result += this.text.slice(done, from) + text;
      done = to;
    }
    return { text: result + this.text.slice(done), modules: this.modules };
  }
}

/**
 * The source without test attributes, as `text`, and its `modules`:
 * `{ address, name, testOnly, uses, constants, tests, testFunctions, functions }` (`functions`: name → line). With `witnesses`, a one-time witness made by
 * hand becomes a call of the framework's test function for that.
 */
export function withoutTestAttributes(text, options = { witnesses: true }) {
  return new Transformation(text, options).run();
}
