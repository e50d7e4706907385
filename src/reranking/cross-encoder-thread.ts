/** The thread that the local reranker runs on. Started by local.ts, which holds the other end. */
import { serveThread } from '../models/serve-thread.ts';
import { type CrossEncoderSettings, openCrossEncoder } from './cross-encoder.ts';

await serveThread(async (settings: CrossEncoderSettings) => {
  const { score, release } = await openCrossEncoder(settings);
  return {
    ready: null,
    answer: ({ question, passages }: { question: string; passages: string[] }) => score(question, passages),
    release,
  };
});
