import type { Client, Json } from './http.ts';
import { waitFor } from './wait-for.ts';

/** One search of a constant load, as it came back. */
export interface Searched {
  question: string;
  status: number;
  generation: Json;
  /** Cosine similarity by chunk. */
  scores: [string, number][];
  notes: string[];
}

/** Clients that search without a pause: by meaning and hybrid, the same questions (cached) and ones never asked before. */
export function createSearchers(client: Client, questions: readonly string[]) {
  let stopped = false;
  let asked = 0;
  const searchOnce = async (searched: Searched[]) => {
    const n = asked++;
    const question = questions[n % questions.length] as string;
    // Every third is not in the cache: nobody asked for so many results before.
    const request = {
      q: question,
      search_mode: n % 2 === 0 ? 'vector' : 'hybrid',
      max_results: n % 3 === 0 ? 1 + (n % 100) : 50,
    };
    const { status, body } = await client.post('/api/v1/search', request);
    const hits: Json[] = body?.hits ?? [];
    searched.push({
      question,
      status,
      generation: body?.generation,
      scores: hits.flatMap(({ chunk_id, vector_score }) =>
        vector_score === null ? [] : [[chunk_id, vector_score]],
      ),
      notes: body?.query_analysis?.notes ?? [],
    });
  };
  return {
    run: async (clients: number, searched: Searched[]) => {
      const loop = async () => {
        while (!stopped) await searchOnce(searched);
      };
      await Promise.all(Array.from({ length: clients }, loop));
    },
    /** Waits until so many more searches came back, and checks that those begun from now on name the model. */
    have: async (searched: Searched[], model: string, more: number): Promise<boolean> => {
      // Those under way began before; each client has one.
      const begun = searched.length + 4;
      await waitFor('searches go on', () => stopped || searched.length >= begun + more);
      const late = searched
        .slice(begun, begun + more)
        .filter(({ generation }) => generation?.model !== model);
      if (late.length > 0)
        throw new Error(`${late.length} searches still read ${late[0]?.generation?.model}`);
      return true;
    },
    stop: async () => {
      stopped = true;
    },
  };
}
