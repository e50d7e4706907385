import { allTiers, type Fault } from '../fault.ts';

export const embeddingModelChange: Fault = {
  name: 'embedding-model-change',
  says: 'all processes are started again with another embedding model (768 instead of 384 dimensions), then back',
  tiers: allTiers,
  secondModel: true,
  inject: async (scene, n) => {
    scene.model = n % 2 === 0 ? 'gemini' : 'local';
    const extra =
      scene.model === 'gemini'
        ? {
            EMBEDDING_PROVIDER: 'gemini',
            GEMINI_API_KEY: 'a-key-for-the-stand-in',
            GEMINI_BASE_URL: scene.standIn?.url as string,
          }
        : {};
    for (const member of scene.product.members) {
      const { pid } = member;
      member.extra = extra;
      await member.signal('SIGTERM');
      await member.replaced(pid);
    }
    await scene.product.ready();
  },
};
