import { useQuery } from "@tanstack/react-query";
import { useApi } from "~/api/ApiProvider";

export function useProfile() {
  const api = useApi();
  return useQuery({ queryKey: ["profile"], queryFn: () => api.get("/v1/user/profile") });
}
