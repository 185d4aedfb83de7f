# What docs/verify-windows.md asks for, collected without personal data: no addresses, hosts, names of users or profiles, and no
# messages, in which such may stand. It changes nothing: the commands are scan, test, fix --dry-run, status and policy show.
# The result is port26-verify.json in the current folder; read it before you send it.

$folder = $null
foreach ($hive in 'LocalMachine', 'CurrentUser') {
    if (-not $folder) {
        $key = [Microsoft.Win32.RegistryKey]::OpenBaseKey($hive, 'Registry64').OpenSubKey('Software\port26')
        if ($key) { $folder = $key.GetValue('folder') }
    }
}
$program = "$($folder)port26.exe"
if (-not $folder -or -not (Test-Path -LiteralPath $program)) {
    Write-Output 'port26 is not installed: begin with step 1 of docs/verify-windows.md'
    exit 1
}

function Parsed($lines) {
    try { ($lines -join "`n") | ConvertFrom-Json } catch { $null }
}

function Accounts($report) {
    @($report.accounts | ForEach-Object {
        [ordered]@{
            client = $_.client; used = $_.used; port = $_.outgoing.port; port_is_default = $_.outgoing.port_is_default
            tls = $_.outgoing.tls; auth = $_.outgoing.auth; credential = $_.outgoing.credential
            verdict = $_.verdict.code; result = $_.result; reason = $_.reason.code; port_after = $_.after.port
        }
    })
}

function Step($code, $since, $report) {
    [ordered]@{
        exit_code = $code; seconds = [Math]::Round($since.Elapsed.TotalSeconds, 1); is_json = [bool]$report
        schema = $report.schema; clients = @($report.clients | ForEach-Object { $_.client })
        accounts = @(Accounts $report); unreadable = @($report.problems | ForEach-Object { $_.client })
    }
}

try { [Console]::OutputEncoding = [Text.Encoding]::UTF8 } catch { $null = $_ }
$steps = [ordered]@{}

$since = [Diagnostics.Stopwatch]::StartNew()
$lines = & $program scan --json 2>$null
$steps.scan = Step $LASTEXITCODE $since (Parsed $lines)

$since = [Diagnostics.Stopwatch]::StartNew()
$lines = & $program test --json 2>$null
$steps.test = Step $LASTEXITCODE $since (Parsed $lines)

$since = [Diagnostics.Stopwatch]::StartNew()
$lines = & $program fix --dry-run --json 2>$null
$steps.dry_run = Step $LASTEXITCODE $since (Parsed $lines)

$lines = & $program policy show --json 2>$null
$policy = [ordered]@{ exit_code = $LASTEXITCODE }
foreach ($row in (Parsed $lines).settings) { $policy[$row.name] = $row.from.kind }

$lines = & $program status --json 2>$null
$status = [ordered]@{ exit_code = $LASTEXITCODE; receipts = @((Parsed $lines).receipts | Where-Object { $_ }).Count }

$run = 'Software\Microsoft\Windows\CurrentVersion\Run'
$at_logon = @('LocalMachine', 'CurrentUser' | Where-Object {
    $key = [Microsoft.Win32.RegistryKey]::OpenBaseKey($_, 'Registry64').OpenSubKey($run)
    $key -and $key.GetValue('port26')
})

$file = Join-Path (Get-Location) 'port26-verify.json'
[ordered]@{
    schema = 'port26-verify/1'
    windows = [Environment]::OSVersion.Version.ToString()
    powershell = $PSVersionTable.PSVersion.ToString()
    language = (Get-UICulture).Name
    port26 = (Get-Item -LiteralPath $program).VersionInfo.ProductVersion
    signature = (Get-AuthenticodeSignature -LiteralPath $program).Status.ToString()
    at_logon = $at_logon
    steps = $steps
    policy = $policy
    status = $status
} | ConvertTo-Json -Depth 6 | Set-Content -Encoding UTF8 -LiteralPath $file
Write-Output "written: $file"
exit 0
