/** A node as files have it: by its path, since only our own know ids. */
export interface GivenNode {
  path: string[];
  id?: string | undefined;
  description?: string | undefined;
  /** Paths of further parents; left out: nothing is said of them. */
  otherParents?: string[][] | undefined;
}
