import { Page } from "~/components/layout";
import { Balance } from "./Balance";
import { Costs } from "./Costs";
import style from "./credits.module.css";
import { History } from "./History";
import { Limits } from "./Limits";
import { Spending } from "./Spending";
import { Statement } from "./Statement";

/** What one has, what it goes to, and the bounds of it. */
export default function CreditsPage() {
  return (
    <Page title="Credits">
      <Balance />
      <div className={style.columns}>
        <Spending />
        <div className={style.aside}>
          <Limits />
          <Costs />
          <Statement />
        </div>
        <div>
          <History />
        </div>
      </div>
    </Page>
  );
}
