# port26, Intune remediation: the detection script. It tests, changes nothing, and tells counts only, no names.
#
# Intune: run with the logged-on credentials: yes. As SYSTEM port26 looks in the session of the user at the computer
# instead, and with nobody there puts it off; it then knows no policy of the user's own. In 64-bit: either.
# Exit code: 0 nothing to repair, or a policy that only looks (mode "test" or "off"), 1 the remediation can repair something,
# 2 anything else, which the output says.

$limit = 2000   # Intune keeps 2,048 characters

function Tell($text) {
    Write-Output $text.Substring(0, [Math]::Min($text.Length, $limit))
}

# where the MSI for all users, or else the one for this user, says that the programs are; a 32-bit PowerShell would look
# elsewhere by itself
$folder = $null
foreach ($hive in 'LocalMachine', 'CurrentUser') {
    if (-not $folder) {
        $key = [Microsoft.Win32.RegistryKey]::OpenBaseKey($hive, 'Registry64').OpenSubKey('Software\port26')
        if ($key) { $folder = $key.GetValue('folder') }
    }
}
$program = "$($folder)port26.exe"
if (-not $folder -or -not (Test-Path -LiteralPath $program)) {
    Tell 'port26: not installed'
    exit 2
}

# in a session without a console there is nothing to set
try { [Console]::OutputEncoding = [Text.Encoding]::UTF8 } catch { $null = $_ }
$lines = & $program test --json 2>$null
$code = $LASTEXITCODE

try {
    $report = ($lines -join "`n") | ConvertFrom-Json
} catch {
    $report = $null
}
if (-not $report) {
    Tell "port26: no report, exit code $code"
    exit 2
}
if ($report.deferred) {
    Tell "port26: put off, nobody can be looked at, exit code $code"
    exit 2
}

$results = @($report.accounts | ForEach-Object { $_.result })
$repairable = @($results | Where-Object { $_ -eq 'would_fix' -or $_ -eq 'deferred' }).Count
$counts = @($results | Group-Object | ForEach-Object { "$($_.Name) $($_.Count)" }) -join ', '

# a remediation that may not change anything would be run for ever
$mode = 'fix'
$policy = & $program policy show --json 2>$null
try {
    $setting = (($policy -join "`n") | ConvertFrom-Json).settings | Where-Object { $_.name -eq 'mode' }
    if ($setting) { $mode = $setting.value }
} catch {
    $null = $_
}
Tell "port26: accounts $($results.Count) ($counts), unreadable $(@($report.problems).Count), policy $mode, exit code $code"

if ($mode -ne 'fix') { exit 0 }
if ($repairable -gt 0) { exit 1 }
if ($code -eq 0) { exit 0 }
exit 2
