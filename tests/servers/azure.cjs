// Microsoft's own client, for anything that tests need done or judged by somebody else.
//
//   node azure.cjs URL create CONTAINER [public]   creates a container
//   node azure.cjs URL sas CONTAINER PERMISSIONS   prints a shared access signature
//   node azure.cjs URL cat CONTAINER NAME          prints a blob
const blobs = require("@azure/storage-blob");

const account = "devstoreaccount1";
const key =
  "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

async function main([url, verb, containerName, argument]) {
  const credential = new blobs.StorageSharedKeyCredential(account, key);
  const service = new blobs.BlobServiceClient(`${url}/${account}`, credential);
  const container = service.getContainerClient(containerName);
  switch (verb) {
    case "create":
      await container.create(argument === "public" ? { access: "container" } : {});
      break;
    case "sas":
      process.stdout.write(
        blobs
          .generateBlobSASQueryParameters(
            {
              containerName,
              permissions: blobs.ContainerSASPermissions.parse(argument),
              expiresOn: new Date(Date.now() + 3600 * 1000),
            },
            credential,
          )
          .toString(),
      );
      break;
    case "cat":
      process.stdout.write(await container.getBlobClient(argument).downloadToBuffer());
      break;
    default:
      throw new Error(`unknown verb ${verb}`);
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
