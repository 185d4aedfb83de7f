# port26, Intune Win32 app: the detection script. Installed is: this version or a newer one, from the MSI for all users.
# Intune takes exit code 0 with a line of output for installed, and anything else for not installed.

$wanted = [version]'0.1.0'

$folder = $null
$key = [Microsoft.Win32.RegistryKey]::OpenBaseKey('LocalMachine', 'Registry64').OpenSubKey('Software\port26')
if ($key) { $folder = $key.GetValue('folder') }
$program = "$($folder)port26.exe"
if (-not $folder -or -not (Test-Path -LiteralPath $program)) { exit 1 }

$found = (Get-Item -LiteralPath $program).VersionInfo.ProductVersion
if ([version]($found -split '-')[0] -lt $wanted) { exit 1 }
Write-Output "port26 $found"
exit 0
