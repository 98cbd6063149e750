import { Page } from "~/components/layout";

export default function ChatPage() {
  return <Page title="Chat">…</Page>;
}
