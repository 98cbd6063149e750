/** The tabs of the operators' page, in their order; their addresses are their names. */
export const PARTS = [
  { name: "queues", title: "Queues" },
  { name: "dead-letters", title: "Dead letters" },
  { name: "schedules", title: "Schedules" },
  { name: "errors", title: "Errors" },
  { name: "mirror", title: "Mirror" },
  { name: "providers", title: "Providers" },
  { name: "money", title: "Money" },
  { name: "audit", title: "Audit" },
  { name: "health", title: "Health" },
] as const;

export type PartName = (typeof PARTS)[number]["name"];

export function partOf(name: string | undefined): PartName | null {
  if (name === undefined) return "queues";
  return PARTS.find(part => part.name === name)?.name ?? null;
}

export function pathOf(part: PartName): string {
  return part === "queues" ? "/admin" : `/admin/${part}`;
}
