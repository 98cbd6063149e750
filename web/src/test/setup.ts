import { cleanup, configure } from "@testing-library/react";
import { afterEach } from "vitest";

// A wait that ends early costs nothing, and a busy machine is late.
configure({ asyncUtilTimeout: 10_000 });
afterEach(cleanup);
