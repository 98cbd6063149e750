import { useQuery } from "@tanstack/react-query";
import { LineChart, MessageSquareText, ShieldCheck } from "lucide-react";
import { memo, useState } from "react";
import { Redirect, useParams, useSearch } from "wouter";
import { useApi } from "~/api/ApiProvider";
import { useSession } from "~/auth/SessionProvider";
import { useTitle } from "~/components/layout";
import { Splash } from "~/components/Splash";
import { Notice } from "~/components/states";
import { useToast } from "~/components/toast";
import { isNew, localPath, returnedFrom, stepPath } from "./next";
import { Picture } from "./Picture";
import style from "./sign-in.module.css";
import { CodeStep, ForgotStep, NewPasswordStep, SignInStep, SignUpStep } from "./steps";

const STEPS = {
  "": { title: "Sign in", lead: "Welcome back." },
  up: { title: "Create your account", lead: "100 credits to begin with, no card needed." },
  code: { title: "Sign in by mail", lead: "No password needed." },
  forgot: { title: "Forgotten password", lead: "It happens." },
  "new-password": { title: "Choose a new password", lead: "Then you are in." },
};
type Step = keyof typeof STEPS;

const POINTS = [
  { Icon: LineChart, text: "Watches your symbols on every candle, day and night." },
  { Icon: ShieldCheck, text: "Every signal comes with its record: win rate, interval and number of cases." },
  { Icon: MessageSquareText, text: "Ask why. Answers name their data, and you see what they cost." },
];

export default function SignInPage() {
  const { session } = useSession();
  const step = stepOf(useParams<{ step?: string }>().step);
  const next = localPath(new URLSearchParams(useSearch()).get("next"), location.origin);
  const [returned] = useState(() => returnedFrom(location.search, location.hash));
  const [email, setEmail] = useState("");
  const [hasNewPassword, setHasNewPassword] = useState(false);
  const toast = useToast();
  const { title, lead } = STEPS[step];
  useTitle(title);

  if (session && (step !== "new-password" || hasNewPassword)) return <Arrived next={next} />;
  const props = {
    next,
    email,
    setEmail,
    returnTo: location.origin + stepPath(step === "forgot" ? "new-password" : "", next),
  };
  return (
    <div className={style.page}>
      <main className={style.side}>
        <div className={style.box}>
          <p className={style.brand}>
            <img src="/mark.svg" alt="" width="28" height="28" />
            Zmarty
          </p>
          <header className={style.head}>
            <h1>{title}</h1>
            <p className="muted">{lead}</p>
          </header>
          {returned && !session && (
            <Notice tone={returned.code === "access_denied" ? "info" : "warn"}>{returned.text}</Notice>
          )}
          {step === "" && <SignInStep {...props} />}
          {step === "up" && <SignUpStep {...props} />}
          {step === "code" && <CodeStep {...props} />}
          {step === "forgot" && <ForgotStep {...props} />}
          {step === "new-password" && (
            <NewPasswordStep
              next={next}
              onDone={() => {
                toast.done("Your password is changed.");
                setHasNewPassword(true);
              }}
            />
          )}
        </div>
      </main>
      <About />
    </div>
  );
}

/** Stays as it is while somebody types. */
const About = memo(function About() {
  return (
    <aside className={style.about} aria-label="What Zmarty is">
      <div className={style.aboutBox}>
        <p className={style.claim}>Know what a signal was worth before you follow it.</p>
        <Picture />
        <ul className={style.points}>
          {POINTS.map(({ Icon, text }) => (
            <li key={text}>
              <Icon size={18} aria-hidden />
              {text}
            </li>
          ))}
        </ul>
      </div>
    </aside>
  );
});

/** Signed in: on to the page that was asked for, or to the first steps of somebody who watches nothing yet. */
function Arrived({ next }: { next: string | null }) {
  const api = useApi();
  const { session } = useSession();
  const isFirst = next === null || (session ? isNew(session.user.created_at) : false);
  const { data, error } = useQuery({
    queryKey: ["symbols", "any"],
    queryFn: ({ signal }) => api.get("/v1/symbols", { query: { limit: 1 }, signal }),
    enabled: isFirst,
    retry: false,
  });
  const path = next ?? "/chat";
  if (!isFirst || error) return <Redirect to={path} replace />;
  if (!data) return <Splash />;
  return <Redirect to={data.items.length === 0 ? "/welcome" : path} replace />;
}

function stepOf(asked: string | undefined): Step {
  return asked && Object.hasOwn(STEPS, asked) ? (asked as Step) : "";
}
