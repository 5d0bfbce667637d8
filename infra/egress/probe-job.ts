/** A Job that runs once in the cluster, connects to the receiver and says whether it could. */

export const jobName = "suiro-egress-probe";

/** The Job as JSON, which kubectl reads like YAML. Restricted security context, no token, gone ten minutes after its end. */
export function probeJob(host: string, port: string, image: string): object {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: jobName, labels: { "app.kubernetes.io/name": jobName } },
    spec: {
      backoffLimit: 0,
      activeDeadlineSeconds: 60,
      ttlSecondsAfterFinished: 600,
      template: {
        metadata: { labels: { "app.kubernetes.io/name": jobName } },
        spec: {
          restartPolicy: "Never",
          automountServiceAccountToken: false,
          securityContext: { runAsNonRoot: true, runAsUser: 65534, seccompProfile: { type: "RuntimeDefault" } },
          containers: [
            {
              name: "probe",
              image,
              command: ["nc", "-z", "-w", "10", host, port],
              resources: { requests: { cpu: "10m", memory: "16Mi" }, limits: { memory: "32Mi" } },
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ["ALL"] },
              },
            },
          ],
        },
      },
    },
  };
}
