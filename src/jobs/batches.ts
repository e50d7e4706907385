/** Chunks that one embedChunks delivery claims at a time; ingestDocument nudges one job for so many. */
export const maxEmbeddingBatch = 50;

/** Deliveries of buildGeneration that go on side by side: as many calls to a provider at a time. */
export const buildingSlots = 4;
