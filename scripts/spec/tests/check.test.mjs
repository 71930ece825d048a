// The check, on a small repository: what is true passes, and whatever leads nowhere is named with its place.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { check } from '../check.mjs';

const CLIENT = `# Client specification

## 1. Reading

### 1.1 Metadata, and \`slivers\` (all)

1. Ask.
2. Compare.

| # | Rule |
|---|---|
| 7 | believe nobody |

\`\`\`
## 9. Not a heading
\`\`\`

## Appendix B. Vectors
`;

let root;
before(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'spec-citations-'));
  write('docs/spec/client.md', CLIENT);
  write('docs/spec/node/README.md', '# Node specification\n');
  write('docs/spec/node/api.md', '# API\n\n## 2. Routes\n');
});
after(() => fs.rmSync(root, { recursive: true, force: true }));

function write(file, text) {
  fs.mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  fs.writeFileSync(path.join(root, file), text);
}

/** The complaints about a repository that also has this file. */
function complaints(file, text) {
  write(file, text);
  try {
    return check(root).complaints;
  } finally {
    fs.rmSync(path.join(root, file));
  }
}

const TRUE_CITATIONS = [
  ['rust/a.rs', '//! Reads. Client spec 1.1.'],
  ['rust/a.rs', '/// What is asked (client\n    /// spec 1.1, steps 1 and 2, node spec 2).'],
  ['rust/a.rs', '// The client spec, appendix B, and a table beside it; node spec section 2.'],
  ['rust/a.rs', '// Rules of the node spec that no vector shows. RFC 9381 section 5.3.'],
  ['move/a.move', '/// Specification: client, sections 1 and 1.1 and section 1.1, number 7.'],
  ['js/a.mjs', '// Those of sections 1 and 1.1 of the client specification.'],
  ['js/a.ts', '/** A row: client spec 1.1 row 7. 40 is no section. */'],
];
for (const [file, text] of TRUE_CITATIONS) {
  test(`passes: ${JSON.stringify(text)}`, () => assert.deepEqual(complaints(file, text), []));
}

const FALSE_CITATIONS = [
  ['// Client spec 1.2.', 'a.rs:1: "Client spec 1.2": the chapter client has no section 1.2'],
  ['//\n// (client\n// spec 1 to 9)', 'a.rs:2: "client spec 1 to 9": the chapter client has no section 9'],
  ['// node spec 2, appendix A', 'a.rs:1: "node spec 2, appendix A": the chapter node has no section A'],
  ['// client spec 1.1 and 1.1 step 3', 'a.rs:1: "client spec 1.1 and 1.1 step 3": section 1.1 of client has no row or step 3'],
  ['// sites spec 1', 'a.rs:1: "sites spec 1": docs/spec has no chapter sites'],
  ['/// Specification: node, sections 2 and 3.', 'a.rs:1: "node, sections 2 and 3": the chapter node has no section 3'],
  ['// section 4 of the node specification', 'a.rs:1: "section 4 of the node specification": the chapter node has no section 4'],
  ['// Specification, section 1: x', 'a.rs:1: "Specification, section 1": names no chapter (as in "client spec 2.5")'],
  ['// see spec 1.1', 'a.rs:1: "spec 1.1": names no chapter (as in "client spec 2.5")'],
];
for (const [text, expected] of FALSE_CITATIONS) {
  test(`is named: ${JSON.stringify(text)}`, () => assert.deepEqual(complaints('a.rs', text), [expected]));
}

test('links lead to files, folders and headings', () => {
  const text = `[a](docs/spec/client.md#11-metadata-and-slivers-all) [b](docs/spec) [c](#own) [1.1](docs/spec/client.md#11-metadata-and-slivers-all)
[d](https://example.com/x#y) \`[e](nowhere.md)\` [the number 2 of](docs/spec/client.md#1-reading)

\`\`\`
[f](nowhere.md)
\`\`\`

# Own

# Own

[g](#own-1)
[h]: docs/spec/node/api.md`;
  assert.deepEqual(complaints('a.md', text), []);
});

const FALSE_LINKS = [
  ['[a](nowhere.md)', 'there is no docs/nowhere.md'],
  ['[a](../../x.md)', 'leads out of the repository'],
  ['[a](#here)', 'docs/a.md has no heading with the anchor #here'],
  ['[a](spec/client.md#9-not-a-heading)', 'docs/spec/client.md has no heading with the anchor #9-not-a-heading'],
  ['[1.1](spec/client.md#1-reading)', 'leads to "1. Reading", not to section 1.1'],
];
for (const [text, expected] of FALSE_LINKS) {
  test(`is named: ${text}`, () => {
    const [target] = /[^(]+(?=\)$)/.exec(text);
    assert.deepEqual(complaints('docs/a.md', `\n${text}`), [`docs/a.md:2: "${target}": ${expected}`]);
  });
}

test('a number that two sections of a chapter have is named', () => {
  assert.deepEqual(complaints('docs/spec/node/b.md', '# B\n\n## 2. Again\n'), [
    'docs/spec/node/b.md:3: section 2 of node is also docs/spec/node/api.md:3',
  ]);
});
