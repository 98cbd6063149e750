/** How vendors of market data stand. Pure. */

import type { Source, Vendor } from "@zmarty/client";

export type VendorState = "paused" | "low" | "open" | "unused";

export function stateOfVendor(vendor: Vendor): VendorState {
  if (vendor.paused_until !== null) return "paused";
  if (vendor.is_low) return "low";
  return vendor.requests > 0 ? "open" : "unused";
}

const PLACES: VendorState[] = ["paused", "low", "open", "unused"];

/** What needs a look first, what is never asked last. */
export function inOrder(vendors: readonly Vendor[]): Vendor[] {
  return [...vendors].sort(
    (one, other) =>
      PLACES.indexOf(stateOfVendor(one)) - PLACES.indexOf(stateOfVendor(other)) ||
      one.vendor.localeCompare(other.vendor),
  );
}

/** Left out the last time, to keep the month's quota for what is worth more. */
export function isDropped(source: Pick<Source, "asked_at" | "dropped_at">): boolean {
  if (source.dropped_at === null) return false;
  return source.asked_at === null || new Date(source.dropped_at) > new Date(source.asked_at);
}
