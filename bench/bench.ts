const benches = [
  'answer',
  'batch',
  'debate',
  'enqueue',
  'experiences',
  'flags',
  'ingest',
  'injections',
  'keys',
  'large',
  'learning',
  'pii',
  'rollout-readings',
  'rollouts',
  'scale',
  'search',
  'taxonomy',
];
const [name] = process.argv.slice(2);

if (name === undefined || !benches.includes(name)) {
  console.log(
    `npm run bench NAME -- [options]; NAME is one of ${benches.join(', ')}, and NAME --help says more.`,
  );
  process.exitCode = 2;
} else await import(`./${name}.ts`);
