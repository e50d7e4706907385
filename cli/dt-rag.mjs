#!/usr/bin/env node
// What npm links as `dt-rag`: JavaScript, so that it starts by itself, with the loader for the rest.
import { register } from 'tsx/esm/api';

register();
await import('./main.ts');
