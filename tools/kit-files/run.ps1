# SPDX-License-Identifier: Apache-2.0
#
# Runs run.cmd with administrator rights, for which Windows asks. Without them SET is denied, which is
# one of the answers looked for: run.cmd by itself, from an ordinary prompt, gives that one.
param([switch]$Quick)
$ErrorActionPreference = 'Stop'
$mode = if ($Quick) { 'quick' } else { '' }
$command = Join-Path $PSScriptRoot 'run.cmd'
$inner = "`"`"$command`" $mode`""
$process = Start-Process -FilePath $env:ComSpec -ArgumentList "/c $inner" -Verb RunAs -Wait -PassThru
$result = Join-Path $PSScriptRoot 'sluice-acceptance.json'
if ($process.ExitCode -ne 0 -or -not (Test-Path $result)) { throw "run.cmd ended with $($process.ExitCode)" }
Write-Output $result
