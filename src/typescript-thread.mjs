import { register } from 'tsx/esm/api';

// Threads don't inherit the TypeScript loader of their parent on Node 20: this registers it, then loads the thread's file.
register();
await import(process.argv[2]);
