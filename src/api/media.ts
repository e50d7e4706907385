import { z } from 'zod';

/** JSON values one a line: http://ndjson.org. */
export const ndjson = 'application/x-ndjson';

/** Where there is only text, as in a query or a form, what isn't a string is sent as JSON. */
export const jsonText = <Schema extends z.ZodType>(schema: Schema) =>
  z
    .string()
    .transform((value, context) => {
      try {
        return JSON.parse(value) as unknown;
      } catch {
        context.addIssue({ code: 'custom', message: 'must be JSON, e.g. ["HR","Leave"]' });
        return z.NEVER;
      }
    })
    .pipe(schema as z.ZodType<z.output<Schema>, unknown>);
