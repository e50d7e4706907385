import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

/** In a process of its own: what counts is the environment that native code sees. */
it('forbids the telemetry of onnxruntime before its native code starts', () => {
  const script = `(async () => {
    const { openLocalEmbedder } = await import('./src/models/local.ts');
    const embedder = await openLocalEmbedder({});
    console.log(require('node:child_process').execSync('node -p process.env.ORT_DISABLE_TELEMETRY').toString());
    await embedder.close();
  })()`;
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  const { ORT_DISABLE_TELEMETRY: _, ...env } = process.env;
  const output = execFileSync(process.execPath, ['--import', 'tsx', '--eval', script], {
    cwd: root,
    env,
    encoding: 'utf8',
  });
  expect(output.trim()).toBe('1');
});
