import { z } from 'zod';

/** Fields of a question that say how sure and how strict its answer has to be. */
export const strictnessFields = {
  abstain_below: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe(
      'Confidence below which no answer is given; 0: whatever can be cited is given. ABSTAIN_BELOW where it is left out',
    ),
  unsupported_sentences: z
    .enum(['drop', 'mark'])
    .optional()
    .describe(
      'What becomes of sentences of a language model that no source carries: left out, or kept and told by unsupported_spans. UNSUPPORTED_SENTENCES where it is left out',
    ),
};
