/** While nothing is known yet: quiet, as it is mostly over at once. */
export function Splash() {
  return <div role="status" aria-label="Loading" style={{ minHeight: "100dvh" }} />;
}
