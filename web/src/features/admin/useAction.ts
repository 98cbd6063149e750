import { useMutation } from "@tanstack/react-query";
import { useToast } from "~/components/toast";
import { useReadAnew } from "./data";

/**
 * Something an operator does. What came of it is told in a corner, and all that is shown is read anew: after a failure
 * too, as it may have happened all the same. Every one of them may be repeated safely. Without `told`, what shows the action
 * tells of it itself.
 */
export function useAction<Given, Answer>(
  act: (given: Given) => Promise<Answer>,
  told?: (answer: Answer, given: Given) => string,
) {
  const toast = useToast();
  const readAnew = useReadAnew();
  return useMutation({
    mutationFn: act,
    onSuccess: (answer, given) => {
      if (told) toast.done(told(answer, given));
    },
    onError: error => {
      if (told) toast.failed(new Error(`Nothing was confirmed: ${error.message}`));
    },
    onSettled: () => {
      void readAnew();
    },
  });
}
