// A plain file server, as a process of its own: what a gateway is compared with.

import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';

const file = process.argv[2];
const server = createServer((_request, response) => {
  response.setHeader('Content-Length', statSync(file).size);
  createReadStream(file, { highWaterMark: 128 << 10 }).pipe(response);
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}/` })));
