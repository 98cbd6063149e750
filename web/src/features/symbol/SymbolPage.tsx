import { Page } from "~/components/layout";

export default function SymbolPage() {
  return <Page title="Symbol">…</Page>;
}
