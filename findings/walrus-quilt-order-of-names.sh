#!/usr/bin/env bash
# Guessed: a quilt of the same named files has the same bytes, and so the same blob ID, whichever client packs it; the files go in the order of
#   their names.
# Seen: @mysten/walrus 1.2.13 (npm) orders by UTF-16 units, pytusk 0.6.0 (PyPI) by code points, which is also the order of UTF-8 bytes.
#   The two differ when one name has a character beyond U+FFFF and another one of U+E000 to U+FFFF at the same place: a rare Han character of
#   a proper name, and a full-width letter. Both quilts are well-formed; their bytes, and the patch IDs of the files, are not the same.
# For users: content-addressed deduplication of quilts does not hold across clients; a reader must find files by the index, never by order.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @mysten/sui@2.33.1 @mysten/walrus@1.2.13
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check pytusk==0.6.0
cat >pack.mjs <<'JS'
import { createHash } from 'node:crypto';
import { encodeQuilt } from '@mysten/walrus';

const names = JSON.parse(process.argv[2]);
const blobs = names.map((identifier) => ({ identifier, contents: new TextEncoder().encode(`about ${identifier}`) }));
const { quilt, index } = encodeQuilt({ blobs, numShards: 100, encodingType: 'RS2' });
console.log(JSON.stringify({
  digest: createHash('sha256').update(quilt).digest('hex'),
  order: index.patches.map(({ identifier }) => identifier),
}));
JS
cat >pack.py <<'PY'
import hashlib, json, sys
from pytusk.core.encoding.quilt import QuiltPatchInput, assemble_quilt

patches = [QuiltPatchInput(identifier=name, contents=f"about {name}".encode()) for name in json.loads(sys.argv[1])]
quilt = assemble_quilt(patches=patches, n_shards=100)
print(json.dumps({"digest": hashlib.sha256(quilt.data).hexdigest(), "order": [patch.identifier for patch in quilt.patches]}))
PY
pack_both() {
  node pack.mjs "$1" >npm.json
  python/bin/python pack.py "$1" >pypi.json
  echo "npm:  $(cat npm.json)"
  echo "PyPI: $(cat pypi.json)"
  node -e 'const [a, b] = ["npm", "pypi"].map((name) => JSON.parse(require("fs").readFileSync(`${name}.json`)));
    require("assert").equal(a.digest === b.digest, process.argv[1] === "same")' "$2"
}
pack_both '["a.jpg","吉野家.jpg"]' same
pack_both '["𠮷野家.jpg","ＡＢＣ.jpg"]' differ
