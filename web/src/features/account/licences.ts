/** What others wrote and the app is made of; a test holds the list to package.json and to each package's own word. */
export const LICENCES: readonly { name: string; licence: string }[] = [
  { name: "@ai-sdk/react", licence: "Apache-2.0" },
  { name: "@base-ui/react", licence: "MIT" },
  { name: "@fontsource-variable/inter", licence: "OFL-1.1" },
  { name: "@supabase/auth-js", licence: "MIT" },
  { name: "@tanstack/react-query", licence: "MIT" },
  { name: "ai", licence: "Apache-2.0" },
  { name: "dompurify", licence: "(MPL-2.0 OR Apache-2.0)" },
  { name: "lightweight-charts", licence: "Apache-2.0" },
  { name: "lucide-react", licence: "ISC" },
  { name: "marked", licence: "MIT" },
  { name: "react", licence: "MIT" },
  { name: "react-dom", licence: "MIT" },
  { name: "wouter", licence: "Unlicense" },
  { name: "zod", licence: "MIT" },
];
