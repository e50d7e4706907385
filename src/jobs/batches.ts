/** Chunks that one embedChunks delivery claims at a time; ingestDocument nudges one job for so many. */
export const maxEmbeddingBatch = 50;
