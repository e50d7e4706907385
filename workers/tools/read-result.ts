import type { CallToolResult, Tool as ListedTool } from '@modelcontextprotocol/sdk/types.js';
import type { SchemaChecks } from './schema-check.ts';
import { ToolFault, type ToolResult } from './tool.ts';

/**
 * The text of a reply: its text parts, or its structured content where it has no other. Pictures, sounds and links are left
 * out. Throws ToolFault for what the tool itself calls an error, for structured content that is not as declared, and for
 * nothing at all.
 */
export function readResult(reply: CallToolResult, tool: ListedTool, checks: SchemaChecks): ToolResult {
  if (reply.isError) throw new ToolFault('failed', 'The tool says that it failed.');
  if (tool.outputSchema !== undefined) {
    const problem = reply.structuredContent
      ? checks.of(tool.outputSchema)?.(reply.structuredContent)
      : 'it has no structured content';
    if (problem) throw new ToolFault('bad_output', `The result is not as its schema says: ${problem}.`);
  }
  const said = reply.content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');
  const text = said.trim() === '' && reply.structuredContent ? JSON.stringify(reply.structuredContent) : said;
  if (text.trim() === '') throw new ToolFault('empty', 'The tool said nothing.');
  return { text, bytes: Buffer.byteLength(text) };
}
