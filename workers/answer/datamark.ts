/** Shows nothing, and is read by models all the same: soft hyphens, joiners inside words, directions, tags that spell ASCII. */
export const unseen =
  /(?:\u00ad|\u034f|\u061c|\u115f|\u1160|\u180e|\u200b|[\u200e-\u200f\u202a-\u202e\u2060-\u206f]|\u3164|\ufeff|\uffa0|[\ufff9-\ufffb\u{e0000}-\u{e007f}])/gu;
const angles = /[<＜﹤‹〈⟨《≪«]{2,}|[>＞﹥›〉⟩》≫»]{2,}/gu;
/** Turns and roles as chat templates and prompts mark them; where they stand in a source they are text. */
const turns =
  /<\|([^|\n]{0,40})\|>|\[(\/?INST)\]|<(\/?(?:start_of_turn|end_of_turn|system|assistant|user|human|tool_call|function_call|tool_use|invoke|instructions?)[^>\n]{0,80})>/giu;

/**
 * A stranger's text as the model is shown it: each line begins with the request's own mark ("datamarking", Hines et al. 2024,
 * arXiv 2403.14720, by line rather than by word, so that quotes can be copied), so an order in it can't pass for one of ours;
 * and nothing in it can look like one of our delimiters or like a turn of the conversation.
 */
export function datamark(text: string, mark: string): string {
  return text
    .replace(unseen, '')
    .replace(turns, (_, token?: string, inst?: string, tag?: string) => `(${token ?? inst ?? tag ?? ''})`)
    .replace(angles, (run) => (/[<＜﹤‹〈⟨《≪«]/u.test(run) ? '‹' : '›'))
    .split(/\r\n|[\n\r\v\f\u0085\u2028\u2029]/u)
    .map((line) => `${mark}${line}`)
    .join('\n');
}

/** The reply without marks that the model copied. */
export function withoutMarks(text: string, mark: string): string {
  return text.replaceAll(mark, '').replaceAll(mark.trim(), '');
}
