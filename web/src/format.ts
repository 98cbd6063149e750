/** Numbers and times as people of a language write them. Pure but for the language, which the account page may set. */

const KEY = "zmarty-numbers";

/** The language of numbers and dates: what the user chose, else the browser's. */
export function numberLanguage(): string {
  return localStorage.getItem(KEY) ?? navigator.language;
}

export function setNumberLanguage(language: string | null): void {
  if (language === null) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, language);
}

const formats = new Map<string, Intl.NumberFormat>();

function numbers(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = numberLanguage() + JSON.stringify(options);
  const known = formats.get(key) ?? new Intl.NumberFormat(numberLanguage(), options);
  formats.set(key, known);
  return known;
}

/** A price with as many digits as it needs: 64,250.10 and 0.00001234. */
export function price(value: number): string {
  const size = Math.abs(value);
  const digits = size >= 1000 ? 2 : size >= 1 ? 4 : Math.min(10, 3 - Math.floor(Math.log10(size || 1)));
  return numbers({ minimumFractionDigits: size >= 1 ? 2 : 0, maximumFractionDigits: digits }).format(value);
}

export function whole(value: number): string {
  return numbers({ maximumFractionDigits: 0 }).format(value);
}

export function decimal(value: number, digits = 2): string {
  return numbers({ minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

/** 1.2M, 34K. */
export function compact(value: number): string {
  return numbers({ notation: "compact", maximumFractionDigits: 1 }).format(value);
}

/** A share of one as per cent: 0.5312 is 53.1 %. */
export function percent(share: number, digits = 1): string {
  return numbers({ style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits }).format(
    share,
  );
}

/** With its sign: +3, −12. */
export function signed(value: number, digits = 0): string {
  return numbers({
    signDisplay: "exceptZero",
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(value);
}

/** A change as a share of one: +1.2 %, −0.3 %. */
export function signedPercent(share: number, digits = 1): string {
  return numbers({
    style: "percent",
    signDisplay: "exceptZero",
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(share);
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

/** "5 minutes ago", "in 2 hours". */
export function ago(time: string | Date, now: Date = new Date()): string {
  const seconds = (new Date(time).getTime() - now.getTime()) / 1000;
  const [unit, size] = STEPS.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
  return new Intl.RelativeTimeFormat(numberLanguage(), { numeric: "auto" }).format(
    Math.trunc(seconds / size),
    unit,
  );
}

export function dateTime(time: string | Date): string {
  return new Intl.DateTimeFormat(numberLanguage(), { dateStyle: "medium", timeStyle: "short" }).format(
    new Date(time),
  );
}

export function day(time: string | Date): string {
  return new Intl.DateTimeFormat(numberLanguage(), { dateStyle: "medium" }).format(new Date(time));
}

/** "0.42 s", "12 ms", "3 min". */
export function duration(seconds: number): string {
  if (seconds < 0.1) return `${whole(seconds * 1000)} ms`;
  if (seconds < 90) return `${decimal(seconds, seconds < 10 ? 1 : 0)} s`;
  if (seconds < 5_400) return `${whole(seconds / 60)} min`;
  if (seconds < 129_600) return `${whole(seconds / 3_600)} h`;
  return `${whole(seconds / 86_400)} d`;
}

/** `BTC/USDT` as it stands in addresses. */
export function symbolPath(symbol: string): string {
  return symbol.replace("/", "-");
}
