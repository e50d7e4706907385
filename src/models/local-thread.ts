/** The thread that the local embedding model runs on. Started by local.ts, which holds the other end. */
import type { EmbeddingTask } from './embedder.ts';
import { type LocalModelSettings, openLocalModel } from './local-model.ts';
import { serveThread } from './serve-thread.ts';

await serveThread(
  async (settings: LocalModelSettings) => {
    const { dimensions, embed, release } = await openLocalModel(settings);
    return {
      ready: { dimensions },
      answer: ({ texts, task }: { texts: string[]; task: EmbeddingTask }) => embed(texts, task),
      release,
    };
  },
  (vectors) => vectors.map((vector) => vector.buffer as ArrayBuffer),
);
