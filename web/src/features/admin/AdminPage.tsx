import { Page } from "~/components/layout";

export default function AdminPage() {
  return <Page title="Admin">…</Page>;
}
