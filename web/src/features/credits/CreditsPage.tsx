import { Page } from "~/components/layout";

export default function CreditsPage() {
  return <Page title="Credits">…</Page>;
}
