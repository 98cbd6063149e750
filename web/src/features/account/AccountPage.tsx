import { Page } from "~/components/layout";

export default function AccountPage() {
  return <Page title="Account">…</Page>;
}
