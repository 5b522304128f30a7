//! What to click or type on each platform.

use super::{Format, Platform};

/// How an image gets onto a platform.
#[derive(Clone, Copy, Debug)]
pub struct Import {
    /// Where.
    pub platform: Platform,
    /// In which formats.
    pub formats: &'static [Format],
    /// Paragraphs and blocks of Markdown. `{file}` is the image, `{plain}` its name without the last ending, `{name}`
    /// the machine's name, `{memory}` its memory in MiB, `{vcpus}` its processors.
    pub steps: &'static str,
}

/// The ways for a format.
pub fn imports(format: Format) -> impl Iterator<Item = &'static Import> {
    IMPORTS.iter().filter(move |import| import.formats.contains(&format))
}

const IMPORTS: &[Import] = &[
    Import { platform: Platform::Vmware, formats: &[Format::Ova], steps: VSPHERE },
    Import { platform: Platform::Vmware, formats: &[Format::VmdkSparse], steps: WORKSTATION },
    Import { platform: Platform::Virtualbox, formats: &[Format::Ova], steps: VIRTUALBOX },
    Import {
        platform: Platform::Virtualbox,
        formats: &[Format::VmdkSparse],
        steps: VIRTUALBOX_DISK,
    },
    Import { platform: Platform::Hyperv, formats: &[Format::Vhdx], steps: HYPERV },
    Import {
        platform: Platform::Hyperv,
        formats: &[Format::Vhd, Format::VhdDynamic],
        steps: HYPERV_GENERATION_1,
    },
    Import { platform: Platform::Azure, formats: &[Format::Vhd], steps: AZURE },
    Import { platform: Platform::Gce, formats: &[Format::Gce], steps: GCE },
    Import { platform: Platform::Aws, formats: &[Format::Vmdk], steps: AWS },
    Import {
        platform: Platform::Kvm,
        formats: &[Format::Qcow2, Format::Qcow2Zstd, Format::Qcow2Plain, Format::Raw],
        steps: KVM,
    },
    Import { platform: Platform::Kvm, formats: &[Format::RawZst], steps: KVM_PACKED },
    Import {
        platform: Platform::Proxmox,
        formats: &[Format::Qcow2, Format::Qcow2Zstd, Format::Qcow2Plain, Format::Raw],
        steps: PROXMOX,
    },
];

const VSPHERE: &str = r#"vSphere Client: right-click the cluster or the host, choose **Deploy OVF Template**, then **Local file**, and `{file}`. The
last pages ask for the host name, the address and the like: fields that you leave empty get the values below.

ESXi without vCenter: **Virtual Machines**, **Create / Register VM**, **Deploy a virtual machine from an OVF or OVA file**.

Workstation and Fusion: **File**, **Open**, `{file}`."#;

const WORKSTATION: &str = r#"Workstation: **File**, **New Virtual Machine**, **Custom**, a 64-bit Debian or Ubuntu guest with {vcpus} processors and
{memory} MB of memory; at **Select a Disk** choose **Use an existing virtual disk** and `{file}`. ESXi does not accept this
format."#;

const VIRTUALBOX: &str = r#"**File**, **Import Appliance**, `{file}`; or

```sh
VBoxManage import {file} --vsys 0 --vmname {name}
VBoxManage startvm {name}
```

VirtualBox does not ask for the host name and the like: they have the values below."#;

const VIRTUALBOX_DISK: &str = r#"```sh
VBoxManage createvm --name {name} --ostype Linux26_64 --register
VBoxManage modifyvm {name} --memory {memory} --cpus {vcpus} --nic1 bridged
VBoxManage storagectl {name} --name SATA --add sata
VBoxManage storageattach {name} --storagectl SATA --port 0 --type hdd --medium {file}
VBoxManage startvm {name}
```

Choose the bridge in the machine's settings first, if your computer has several networks."#;

const HYPERV: &str = r#"Copy `{file}` to where the machine's disk should stay, and run this there in PowerShell, as an administrator:

```powershell
New-VM -Name {name} -Generation 2 -MemoryStartupBytes {memory}MB -VHDPath .\{file} -SwitchName "Default Switch"
Set-VM -Name {name} -ProcessorCount {vcpus} -StaticMemory
Set-VMFirmware -VMName {name} -SecureBootTemplate MicrosoftUEFICertificateAuthority
Start-VM -Name {name}
```

`Get-VMSwitch` lists the switches. In Hyper-V Manager, choose **New**, **Virtual Machine**, **Generation 2**, **Use an existing
virtual hard disk**; then, in **Settings**, **Security**, the template **Microsoft UEFI Certificate Authority**."#;

const HYPERV_GENERATION_1: &str = r#"Copy `{file}` to where the machine's disk should stay, and run this there in PowerShell, as an administrator:

```powershell
New-VM -Name {name} -Generation 1 -MemoryStartupBytes {memory}MB -VHDPath .\{file} -SwitchName "Default Switch"
Set-VM -Name {name} -ProcessorCount {vcpus} -StaticMemory
Start-VM -Name {name}
```

A generation 2 machine does not accept this format."#;

const AZURE: &str = r#"Upload the image as a page blob, make a disk from it, and a machine from the disk. Put in your own `GROUP`, `ACCOUNT`,
`CONTAINER` and size:

```sh
az storage blob upload --account-name ACCOUNT --container-name CONTAINER --type page --file {file} --name {file}
az disk create --resource-group GROUP --name {name} --os-type Linux --hyper-v-generation V2 \
    --source https://ACCOUNT.blob.core.windows.net/CONTAINER/{file}
az vm create --resource-group GROUP --name {name} --attach-os-disk {name} --os-type Linux --size Standard_B2s
az vm boot-diagnostics enable --resource-group GROUP --name {name}
```

The console is in the portal, at **Help**, **Serial console**."#;

const GCE: &str = r#"Put in your own `BUCKET`:

```sh
gcloud storage cp {file} gs://BUCKET/
gcloud compute images create {name} --source-uri gs://BUCKET/{file} --guest-os-features UEFI_COMPATIBLE
gcloud compute instances create {name} --image {name} --machine-type e2-medium
gcloud compute connect-to-serial-port {name}
```"#;

const AWS: &str = r#"Put in your own `BUCKET`, `TASK` and `SNAPSHOT`: the second command prints the task; the third prints the snapshot, once the
task is completed:

```sh
aws s3 cp {file} s3://BUCKET/
aws ec2 import-snapshot --disk-container Format=VMDK,UserBucket="{S3Bucket=BUCKET,S3Key={file}}"
aws ec2 describe-import-snapshot-tasks --import-task-ids TASK
aws ec2 register-image --name {name} --architecture x86_64 --virtualization-type hvm --ena-support \
    --boot-mode uefi --root-device-name /dev/xvda \
    --block-device-mappings 'DeviceName=/dev/xvda,Ebs={SnapshotId=SNAPSHOT}'
```

Then launch an instance of that image. The account needs the role `vmimport`."#;

const KVM: &str = r#"Copy `{file}` to where the machine's disk should stay, and run this there:

```sh
virt-install --import --name {name} --memory {memory} --vcpus {vcpus} \
    --disk {file},bus=virtio --network default --osinfo detect=on,require=off
```

To try it without libvirt, in a copy that is thrown away:

```sh
qemu-system-x86_64 -accel kvm -accel tcg -m {memory} -smp {vcpus} -snapshot -drive file={file},if=virtio \
    -nic user,hostfwd=tcp::8080-:80,hostfwd=tcp::8008-:8008
```"#;

const KVM_PACKED: &str = r#"```sh
zstd -d --sparse {file}
virt-install --import --name {name} --memory {memory} --vcpus {vcpus} \
    --disk {plain},format=raw,bus=virtio --network default --osinfo detect=on,require=off
```"#;

const PROXMOX: &str = r#"Run this on a node, with a free number as `ID`, and with your storage for disks instead of `local-lvm`:

```sh
qm create ID --name {name} --memory {memory} --cores {vcpus} --cpu host --ostype l26 \
    --scsihw virtio-scsi-single --net0 virtio,bridge=vmbr0 --serial0 socket
qm set ID --scsi0 local-lvm:0,import-from="$PWD/{file}" --boot order=scsi0
qm start ID
```"#;
