import { Page } from "~/components/layout";

export default function SignInPage() {
  return <Page title="SignIn">…</Page>;
}
