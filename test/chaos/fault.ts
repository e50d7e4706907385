import type { Environment, Tier } from '../../src/config.ts';
import type { GeminiStandIn } from '../support/gemini-stand-in.ts';
import type { Audit } from './audit.ts';
import type { Entry } from './ledger.ts';
import type { Member, Product } from './product.ts';
import type { Random } from './random.ts';
import type { Result } from './report.ts';
import type { RunOptions } from './run.ts';
import type { Services } from './services.ts';
import type { Stage } from './stage.ts';

/** What a fault may use. */
export interface Scene {
  stage: Stage;
  product: Product;
  random: Random;
  ledger: Entry[];
  /** Sends a request of the fault's own and keeps it in the ledger. */
  submit(entry: Entry): Promise<void>;
  /** Resolves when the worker has started and takes jobs: killing one that still starts proves nothing. */
  working(worker: Member): Promise<void>;
  /** Seconds until all that is unfinished now has ended, up to the drain limit. */
  drained(): Promise<number>;
  /** The servers of this run; a fault that needs them is not run without. */
  services: Services;
  /** Set for a fault that needs a second model. */
  standIn?: GeminiStandIn | undefined;
  /** Says that more than the ledger's rules was broken. */
  exceeded(sentence: string): void;
}

export interface Fault {
  name: string;
  /** What happens, in a sentence. */
  says: string;
  tiers: readonly Tier[];
  /** Stops or fills a server: runs only against the servers of .ci/services in SERVICES_DIR. */
  ownServers?: boolean;
  /** A reason why it can't be had on this machine. */
  missing?: () => string | undefined;
  /** Runs it from an empty database to the verdict in its own way: with other requests than the ledger's. */
  run?(options: RunOptions, environment: Environment): Promise<Result>;
  /** Injects it once. Resolves when the cause is gone: the server is back, the process is started again. */
  inject(scene: Scene, n: number): Promise<void>;
  /** Looks at the whole once nothing moves any more: what the rules of the ledger don't say. */
  review?(scene: Scene, audit: Audit): void;
  /** Puts back what outlives the run. */
  restore?(scene: Pick<Scene, 'stage' | 'services'>): Promise<void>;
  /** API processes, where they are processes of their own; 1 unless given. */
  apis?: number;
  /** Needs the stand-in for the Gemini API. */
  secondModel?: boolean;
}

export const allTiers = ['embedded', 'postgres', 'scale-out'] as const;
export const serverTiers = ['postgres', 'scale-out'] as const;
