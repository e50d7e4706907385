import { AppError } from './errors.ts';

/**
 * Every feature flag: key, default, one sentence. All are off until somebody turns them on.
 * The value in force = kill switch → stored override (with its rollout share) → FEATURE_<KEY> → default.
 */
export const flagList = {
  soft_q_bandit: {
    default: false,
    description: 'The learned policy chooses the retrieval strategy of each answer.',
  },
  debate_mode: {
    default: false,
    description: 'Two agents argue over the sources before the answer is composed.',
  },
  experience_replay: {
    default: false,
    description: 'Policies learn in batches from the shared buffer of experiences.',
  },
  meta_planner: { default: false, description: 'Complex questions are planned and split before retrieval.' },
  neural_case_selector: { default: false, description: 'Confirmed good answers are found again as cases.' },
  mcp_tools: { default: false, description: 'The planner may call tools of configured MCP servers.' },
  tools_policy: {
    default: false,
    description: 'Tool calls are checked against the allow list and its argument rules.',
  },
} as const;

export type FlagKey = keyof typeof flagList;
export const flagKeys = Object.keys(flagList) as FlagKey[];

/** The key, when there is such a flag. Throws `not_found` with those that there are. */
export function knownFlag(key: string): FlagKey {
  if ((flagKeys as string[]).includes(key)) return key as FlagKey;
  throw new AppError(
    'not_found',
    `There is no flag ${JSON.stringify(key)}; the flags are ${flagKeys.join(', ')}.`,
  );
}
