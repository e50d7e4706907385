/**
 * A date as files write it, in ISO 8601: `2024-03-15`, `2024-03-15T09:30:00Z`, PDF's `D:20240315093000+09'00'`, or what
 * `Date` understands. Undefined when it is none. A date without time stays without time; one without zone is read as UTC.
 */
export function isoDate(raw: unknown): string | undefined {
  if (typeof raw !== 'string' || raw.length > 100) return undefined;
  const value = raw.trim();
  const day = /^(\d{4})[-./](\d{1,2})[-./](\d{1,2})\.?$/.exec(value);
  if (day !== null) return valid(`${day[1]}-${pad(day[2])}-${pad(day[3])}`);
  const pdf =
    /^(?:D:)?(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?(?:Z|([+-]\d\d)'?(\d\d)?'?)?(?:00'?00'?)?$/.exec(
      value,
    );
  if (pdf !== null) return fromPdf(pdf);
  // Without a year of four digits `Date` makes up dates out of bare numbers and words.
  if (!/\b\d{4}\b/.test(value)) return undefined;
  const zoned = /(?:Z|GMT|UTC|[+-]\d\d:?\d\d)\)?$/i.test(value) ? value : `${value}Z`;
  return instant(zoned) ?? instant(value);
}

function fromPdf([, year, month, date, hour, minute, second, zoneHour, zoneMinute]: RegExpExecArray):
  | string
  | undefined {
  const day = `${year}-${month}-${date}`;
  if (hour === undefined) return valid(day);
  const zone = zoneHour === undefined ? 'Z' : `${zoneHour}:${zoneMinute ?? '00'}`;
  return instant(`${day}T${hour}:${minute}:${second ?? '00'}${zone}`);
}

function instant(value: string): string | undefined {
  const time = Date.parse(value);
  return Number.isNaN(time) ? undefined : new Date(time).toISOString().replace('.000Z', 'Z');
}

/** The day itself if the calendar has it (`Date` would turn 31 February into March). */
function valid(day: string): string | undefined {
  const time = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(day) ? day : undefined;
}

function pad(part: string | undefined): string {
  return (part ?? '').padStart(2, '0');
}
