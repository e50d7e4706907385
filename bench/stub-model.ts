import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { seededRandom } from '../src/evaluation/random.ts';

interface EmbedRequests {
  requests: { content: { parts: { text: string }[] } }[];
}

/** An embedding model that costs next to nothing, in Gemini's protocol: the same text has the same vector, and like ones no like ones. */
export async function startStubModel(dimensions: number): Promise<{ url: string; close(): void }> {
  const server = createServer((request, response) => {
    json(request).then(
      (body) => {
        const { requests } = body as EmbedRequests;
        const embeddings = requests.map(({ content }) => {
          return { values: vectorOf(content.parts.map(({ text }) => text).join(' '), dimensions) };
        });
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ embeddings }));
      },
      (error) => response.destroy(error),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function vectorOf(text: string, dimensions: number): number[] {
  const random = seededRandom(createHash('sha256').update(text).digest().readUInt32LE());
  return Array.from({ length: dimensions }, () => Number((random() - 0.5).toFixed(6)));
}
