import { Page } from "~/components/layout";

export default function MarketsPage() {
  return <Page title="Markets">…</Page>;
}
