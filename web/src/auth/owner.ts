/** What this browser keeps for one user, and another one must not see. */

const OWNER = "zmarty-owner";
/** The questions under way, by conversation, and an operator's last looks. */
const OF_TAB = /^zmarty-(asked:|admin-looks$)/;
/** How answers are asked for. */
const OF_BROWSER = /^zmarty-ask$/;

/** Somebody is signed in: what another user left is removed, before anything reads it. */
export function ownedBy(userId: string): void {
  for (const [storage, kept] of [
    [sessionStorage, OF_TAB],
    [localStorage, OF_BROWSER],
  ] as const) {
    const owner = storage.getItem(OWNER);
    if (owner !== null && owner !== userId) remove(storage, kept);
    if (owner !== userId) storage.setItem(OWNER, userId);
  }
}

/** Somebody signed out: words stay nowhere, while how they like to ask is there when they come back. */
export function left(): void {
  remove(sessionStorage, OF_TAB);
}

function remove(storage: Storage, kept: RegExp): void {
  const keys = Array.from({ length: storage.length }, (_, place) => storage.key(place));
  for (const key of keys) if (key !== null && kept.test(key)) storage.removeItem(key);
}
