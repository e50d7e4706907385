/** Our tables are in public; BullMQ's PostgreSQL backend keeps its own in bullmq and names them without the schema. */
export const searchPath = 'public, bullmq';
