import { Page } from "~/components/layout";

export default function WelcomePage() {
  return <Page title="Welcome">…</Page>;
}
