/** Where a value of `domain` lies in `range`. A domain without extent lies in the middle. */
export function linear([from, to]: readonly [number, number], [start, end]: readonly [number, number]) {
  const extent = to - from;
  return (value: number) =>
    extent === 0 ? (start + end) / 2 : start + ((value - from) / extent) * (end - start);
}

/** The least and the greatest of what is known; null when nothing is. */
export function extentOf(values: readonly (number | null | undefined)[]): [number, number] | null {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value == null || !Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : null;
}

/** Round numbers between two values: about `count` of them, a 1, 2 or 5 apart. */
export function ticks(from: number, to: number, count = 5): number[] {
  if (!(to > from)) return [from];
  const rough = (to - from) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(factor => factor * power).find(size => size >= rough) ?? power * 10;
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  const found: number[] = [];
  for (let at = Math.ceil(from / step - 1e-9); at * step <= to + step * 1e-9; at += 1) {
    found.push(Number((at * step).toFixed(digits)));
  }
  return found;
}

/** An SVG path through points; a null starts a new piece. */
export function pathOf(points: readonly ({ x: number; y: number } | null)[]): string {
  let path = "";
  let isOpen = false;
  for (const point of points) {
    if (!point) {
      isOpen = false;
      continue;
    }
    path += `${isOpen ? "L" : "M"}${point.x.toFixed(1)} ${point.y.toFixed(1)}`;
    isOpen = true;
  }
  return path;
}
