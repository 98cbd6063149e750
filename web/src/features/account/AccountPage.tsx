import { Page } from "~/components/layout";
import { AboutCard } from "./AboutCard";
import { AppearanceCard } from "./AppearanceCard";
import style from "./account.module.css";
import { PlanCard } from "./PlanCard";
import { ProfileCard } from "./ProfileCard";
import { SignInCard } from "./SignInCard";

/** Who one is here, what the plan allows, how the app looks, and the way out. */
export default function AccountPage() {
  return (
    <Page title="Account">
      <div className={style.columns}>
        <div className={style.column}>
          <ProfileCard />
          <SignInCard />
        </div>
        <div className={style.column}>
          <PlanCard />
          <AppearanceCard />
          <AboutCard />
        </div>
      </div>
    </Page>
  );
}
